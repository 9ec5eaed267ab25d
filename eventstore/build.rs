//! The migrations are part of the program: a new one makes it another program.

fn main() {
    println!("cargo:rerun-if-changed=../eventstore-migrations");
}
