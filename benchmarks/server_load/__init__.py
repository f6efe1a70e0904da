"""Load test of the server: many clients for minutes; errors, leaks, latencies.

python -m benchmarks.server_load --clients 50 --minutes 10 --json
"""
