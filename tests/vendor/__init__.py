"""Stand-ins for what NVIDIA publishes: small packages with the real names, in a signed repository over HTTPS.

A person who meets one of them reads "stand-in" in its description. Nothing outside tests uses them.
"""
