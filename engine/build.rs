//! Makes cargo notice when a built-in role or playbook changes: they are embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=../roles");
    println!("cargo:rerun-if-changed=../playbooks");
}
