//! A file that can be read until a deadline, because decoders have none of their own.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    time::{Duration, Instant},
};

/// The file of a picture.
pub(super) type Source = BufReader<Timed>;

/// Reads `file` for as long as `limit`.
pub(super) fn open(file: File, limit: Duration) -> Source {
    BufReader::with_capacity(64 << 10, Timed { file, deadline: Instant::now() + limit })
}

/// A file whose reads fail with `TimedOut` after `deadline`.
#[derive(Debug)]
pub(super) struct Timed {
    file: File,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() > self.deadline {
            return Err(ErrorKind::TimedOut.into());
        }
        self.file.read(buffer)
    }
}

impl Seek for Timed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
