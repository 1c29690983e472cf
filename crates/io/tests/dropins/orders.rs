//! Orders to multipathd: sent by whoever has the right, told apart by their answers.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use pathkeeper_io::SocketAddress;
use pathkeeper_io::multipathd::manage::{DeviceName, Order, OrderError};
use pathkeeper_io::multipathd::{Connection, Deadline, Query};

use super::Lab;

/// Gives one order to a multipathd that answers so, and tells what came over the wire.
fn order(what: &Order, answer: Option<&[u8]>, within_ms: u32) -> (Result<(), OrderError>, String) {
    let lab = Lab::new();
    let socket = lab.path("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::scope(|scope| {
        let daemon = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 8];
            stream.read_exact(&mut length).unwrap();
            let mut text = vec![0; usize::from_ne_bytes(length)];
            stream.read_exact(&mut text).unwrap();
            if let Some(answer) = answer {
                stream.write_all(&(answer.len() + 1).to_ne_bytes()).unwrap();
                stream.write_all(answer).unwrap();
                stream.write_all(&[0]).unwrap();
            }
            // Until the other side hangs up.
            let _ = stream.read(&mut length);
            String::from_utf8(text).unwrap()
        });
        let deadline = Deadline::in_ms(within_ms);
        let address = SocketAddress::Path(socket);
        let mut connection = Connection::open(&address, &lab.path("run"), deadline).unwrap();
        let done = connection.order(&lab.right, what, deadline);
        drop(connection);
        (done, daemon.join().unwrap())
    })
}

#[test]
fn orders_and_their_answers() {
    let add = Order::AddPath(DeviceName::new("sdq").unwrap());
    let (done, text) = order(&Order::Reconfigure, Some(b"ok\n"), 20_000);
    assert!(done.is_ok());
    assert_eq!(text, "reconfigure\0");
    let (done, text) = order(&add, Some(b"ok\n"), 20_000);
    assert!(done.is_ok());
    assert_eq!(text, "add path sdq\0");
    let check = |answer: &[u8], word: &str| {
        let error = order(&add, Some(answer), 20_000).0.unwrap_err();
        assert!(matches!(error, OrderError::Refused { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("`add path sdq`") && text.contains(word), "{text}");
    };
    check(b"fail\n", "`fail` and no more");
    check(b"fail\nblacklisted\n", "blacklisted");
    check(b"fail\ntimeout\n", "ran out of its own time");
    check(b"timeout\n", "ran out of its own time");
    check(b"permission deny: need to be root\n", "need to be root");
    check(b"{}", "none to an order");
    check(b"\xff\xfe", "none to an order");
    let silent = order(&Order::Reconfigure, None, 200).0.unwrap_err();
    assert!(matches!(silent, OrderError::Unanswered { .. }), "{silent}");
}

#[test]
fn an_observer_has_no_orders() {
    // `ask` takes a question of the closed list alone, and no question is an order.
    for query in Query::ALL {
        assert!(query.text().starts_with("show"), "{}", query.text());
    }
    // The right comes from the node's mark alone.
    let lab = Lab::new();
    std::fs::remove_file(lab.roots.etc.join(pathkeeper_io::managing::MARK_FILE)).unwrap();
    assert!(pathkeeper_io::Managing::of_node(&lab.roots).is_err());
}
