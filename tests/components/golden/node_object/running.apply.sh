node_object_remove_left cp1 label

node_object_remove_left cp1 taint

node_object_uncordon cp1

node_object_remove_left gpu1 label example.com/empty tier

node_object_set_label gpu1 example.com/empty ''

node_object_set_label gpu1 tier training

node_object_remove_left gpu1 taint gpu:NoSchedule

node_object_set_taint gpu1 gpu:NoSchedule gpu=h100:NoSchedule

node_object_uncordon gpu1
