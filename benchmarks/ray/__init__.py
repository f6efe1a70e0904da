"""Work queues over Ray: benchmark items spread over the machines of a cluster."""
