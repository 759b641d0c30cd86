# labels no longer wanted: none
node_object_probe_left cp1 label

# taints no longer wanted: none
node_object_probe_left cp1 taint

# no cordon mark: none
node_object_probe_cordon cp1

# labels no longer wanted: none
node_object_probe_left gpu1 label example.com/empty tier

# label example.com/empty: ""
node_object_probe gpu1 label example.com/empty

# label tier: "training"
node_object_probe gpu1 label tier

# taints no longer wanted: none
node_object_probe_left gpu1 taint gpu:NoSchedule

# taint gpu:NoSchedule: "h100"
node_object_probe gpu1 taint gpu:NoSchedule

# no cordon mark: none
node_object_probe_cordon gpu1
