"""What the exporters listen on: said once for their goals, the firewall, preflight, Prometheus and the checks."""

NODE_EXPORTER = 9100
DCGM_EXPORTER = 9400
