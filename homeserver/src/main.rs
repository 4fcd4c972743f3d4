//! Salon.
fn main() {}
