#![doc = include_str!("../README.md")]

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

/// A server that sends every line back. Its connections stay open as long as it lives, or until they are taken.
pub struct Echo {
    listener: TcpListener,
    connections: Vec<TcpStream>,
}

impl Echo {
    /// Serves the clients of this socket.
    pub fn new(listener: TcpListener) -> Self {
        Self { listener, connections: Vec::new() }
    }

    /// Accepts one client and answers one line.
    pub fn answer_one(&mut self) -> Result<()> {
        let (connection, _) = self.listener.accept()?;
        let mut line = String::new();
        BufReader::new(&connection).read_line(&mut line)?;
        (&connection).write_all(line.as_bytes())?;
        self.connections.push(connection);
        Ok(())
    }

    /// Hands the last connection over, for another protocol to go on with.
    pub fn take(&mut self) -> Option<TcpStream> {
        self.connections.pop()
    }
}
