//! Parts of every program's configuration.

mod hidden;
mod logging;
mod problem;

pub use self::{
    hidden::Hidden,
    logging::{LogFormat, Logging},
    problem::Problem,
};
