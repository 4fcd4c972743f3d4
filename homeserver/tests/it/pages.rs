//! The pages that people see in their browsers.

mod account;
mod attacks;
mod avatar;
mod fallback;
mod second_factor;
mod sign_in;
mod sso;
