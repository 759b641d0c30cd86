"""What exporters and imex listen on: said once for their goals, the firewall, preflight, Prometheus and the checks."""

NODE_EXPORTER = 9100
DCGM_EXPORTER = 9400
IMEX = 50000  # SERVER_PORT of its config.cfg
