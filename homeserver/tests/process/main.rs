//! Tests of the program as operators know it: started, killed, stopped, with a database of its own.

mod commands;
mod database;
mod durability;
mod program;
mod security;
mod serving;
