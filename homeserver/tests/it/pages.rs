//! The pages that people see in their browsers.

mod account;
mod attacks;
mod fallback;
mod second_factor;
mod sign_in;
mod sso;
