//! A switch between machines: each plugs in by a TCP connection (QEMU's `-netdev socket,connect=`), and what one sends all
//! others get. It can be switched off.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// QEMU sends no longer frame (net/socket.c).
const FRAME_BYTES_MAX: usize = 4096 + 65_536;
/// A machine that takes nothing for so long is not waited for.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// A switch; it is there as long as this program runs.
pub struct Switch {
    port: u16,
    is_on: Arc<AtomicBool>,
}

impl Switch {
    /// A switch that is on.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let is_on = Arc::new(AtomicBool::new(true));
        let ports: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let power = Arc::clone(&is_on);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                let Ok(out) = plug(&stream) else { continue };
                let number = {
                    let mut ports = ports.lock().unwrap_or_else(PoisonError::into_inner);
                    ports.push(out);
                    ports.len() - 1
                };
                let (ports, power) = (Arc::clone(&ports), Arc::clone(&power));
                thread::spawn(move || carry(stream, number, &ports, &power));
            }
        });
        Ok(Self { port, is_on })
    }

    /// Where machines plug in.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// On, or off: then every frame is lost, and no machine sees its own link go down.
    pub fn power(&self, on: bool) {
        self.is_on.store(on, Ordering::SeqCst);
    }
}

fn plug(stream: &TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let out = stream.try_clone()?;
    out.set_write_timeout(Some(SEND_LIMIT))?;
    Ok(out)
}

/// Frames with their lengths before them, in network order, from one machine to all others.
fn carry(mut from: TcpStream, number: usize, ports: &Mutex<Vec<TcpStream>>, is_on: &AtomicBool) {
    let mut frame = vec![0; 4];
    loop {
        frame.resize(4, 0);
        if from.read_exact(&mut frame).is_err() {
            return;
        }
        let length = frame.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        if length > FRAME_BYTES_MAX {
            return;
        }
        frame.resize(4 + length, 0);
        if from.read_exact(&mut frame[4..]).is_err() {
            return;
        }
        if !is_on.load(Ordering::SeqCst) {
            continue;
        }
        let mut ports = ports.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, to) in ports.iter_mut().enumerate().filter(|(other, _)| *other != number) {
            // A machine that has ended takes nothing any more.
            let _ = to.write_all(&frame);
        }
    }
}
