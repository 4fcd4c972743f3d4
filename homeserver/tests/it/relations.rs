//! What is told of events that relate to others.

mod bundles;
mod pages;
mod rules;
mod threads;
