//! What the controller and the agent say to each other.
