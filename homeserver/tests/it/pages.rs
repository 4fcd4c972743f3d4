//! The pages that people see in their browsers.

mod attacks;
mod fallback;
mod sign_in;
mod sso;
