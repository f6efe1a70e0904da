"""Planning goals from natural language: blocksworld and gripper, after Planetarium."""
