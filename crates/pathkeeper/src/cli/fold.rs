//! `pathkeeper fold`: replays fold documents (status.md, section 9).
//!
//! The model reads, folds and writes slices; here are the files, the threads and the bounds. Memory goes with the longest
//! line. A long line is read by two threads, and its rows are written by two that take turns: while one writes to the
//! output, the other makes the next rows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use pathkeeper_model::fold::{Rows, fold};
use pathkeeper_model::fold_doc::{
    DocError, Document, guess_split, join, read, read_back, read_front, text_of,
};

/// Replay the cluster's judgement from fold documents
///
/// Reads one JSON document a line with the keys allow, aliases, used-by, reports, online and expected, and prints for each
/// the array of rows on one line. A line that is no such document is named on standard error; the others are answered,
/// and the exit status is 2.
#[derive(clap::Args, Debug)]
pub struct FoldArgs {
    /// File to read, or - for standard input
    file: PathBuf,
}

/// Documents of at least this many bytes are worth a second thread.
const LONG_LINE_BYTES: usize = 1 << 20;
/// How much is asked of the input at once.
const READ_BYTES: usize = 1 << 20;
/// Answers to short lines are written when so much has come together, or when the input pauses.
const OUTPUT_BYTES: usize = 1 << 16;
/// Rows are made in pieces of about so many cells.
const PIECE_CELLS: usize = 8_192;
/// A file's size is taken as a hint for the first buffer up to this; pages that no line fills are never touched.
const FIRST_BUFFER_BYTES_MAX: u64 = 256 << 20;

/// Runs the command.
pub fn run(args: &FoldArgs) -> ExitCode {
    let mut complain = |words: &str| {
        // There is nobody left to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "{words}");
    };
    // A file of its own: standard output's line buffer would look at and copy every byte.
    let mut output = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(output) => File::from(output),
        Err(error) => {
            complain(&format!("pathkeeper fold: standard output cannot be used: {error}"));
            return ExitCode::from(2);
        }
    };
    let done = if args.file.as_os_str() == "-" {
        fold_lines(io::stdin().lock(), 0, &mut output, &mut complain)
    } else {
        match File::open(&args.file) {
            Ok(file) => {
                let size = file.metadata().map_or(0, |data| data.len());
                fold_lines(file, size, &mut output, &mut complain)
            }
            Err(error) => Err(Stop::Read(error)),
        }
    };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(2),
        // Whoever reads has seen enough.
        Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Stop::Write(error)) => {
            complain(&format!("pathkeeper fold: the rows cannot be written: {error}"));
            ExitCode::from(2)
        }
        Err(Stop::Read(error)) => {
            complain(&format!("pathkeeper fold: {} cannot be read: {error}", args.file.display()));
            ExitCode::from(2)
        }
    }
}

/// Why folding ended before the input did.
#[derive(Debug)]
pub enum Stop {
    /// The input failed.
    Read(io::Error),
    /// The output failed.
    Write(io::Error),
}

/// Folds each line of `input` and writes its rows to `output`. `complain` hears of each line that is no fold document.
/// `size_hint` is the input's length in bytes where it is known, else 0. Gives the number of bad lines.
///
/// # Errors
/// If the input or the output fails.
pub fn fold_lines(
    mut input: impl Read,
    size_hint: u64,
    output: &mut (impl Write + Send),
    complain: &mut dyn FnMut(&str),
) -> Result<u64, Stop> {
    let first = usize::try_from(size_hint.min(FIRST_BUFFER_BYTES_MAX)).unwrap_or(0);
    let mut buffer = vec![0u8; first.max(READ_BYTES) + 1];
    let (mut filled, mut searched) = (0, 0);
    let mut answers = Vec::new();
    let (mut number, mut bad) = (0u64, 0u64);
    let mut answer = |line: &[u8], answers: &mut Vec<u8>, output: &mut _| {
        number += 1;
        match fold_document(line, answers, output) {
            Ok(()) => Ok(()),
            Err(Failure::Document(error)) => {
                bad += 1;
                complain(&format!("line {number}: {error}"));
                Ok(())
            }
            Err(Failure::Output(error)) => Err(Stop::Write(error)),
        }
    };
    loop {
        let mut start = 0;
        while let Some(at) = buffer.get(searched..filled).and_then(|new| memchr::memchr(b'\n', new)) {
            let end = searched + at;
            answer(buffer.get(start..end).unwrap_or_default(), &mut answers, output)?;
            start = end + 1;
            searched = start;
        }
        output.write_all(&answers).map_err(Stop::Write)?;
        answers.clear();
        // What is left is the beginning of a line: to the front with it.
        buffer.copy_within(start..filled, 0);
        filled -= start;
        searched = filled;
        if buffer.len() - filled < READ_BYTES.min(buffer.len() / 2) {
            buffer.resize(buffer.len() * 2, 0);
        }
        let room = buffer.len().min(filled + READ_BYTES);
        match input.read(buffer.get_mut(filled..room).unwrap_or_default()) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Stop::Read(error)),
        }
    }
    if filled > 0 {
        answer(buffer.get(..filled).unwrap_or_default(), &mut answers, output)?;
        output.write_all(&answers).map_err(Stop::Write)?;
    }
    Ok(bad)
}

enum Failure {
    Document(DocError),
    Output(io::Error),
}

impl From<DocError> for Failure {
    fn from(error: DocError) -> Self {
        Failure::Document(error)
    }
}

/// Folds one line; short answers are collected in `answers`, which is written when it is full.
fn fold_document(
    line: &[u8],
    answers: &mut Vec<u8>,
    output: &mut (impl Write + Send),
) -> Result<(), Failure> {
    let text = text_of(line)?;
    if line.len() >= LONG_LINE_BYTES {
        let document = read_by_two(text)?;
        let input = document.input();
        output.write_all(answers).map_err(Failure::Output)?;
        answers.clear();
        return write_by_two(&fold(&input), output).map_err(Failure::Output);
    }
    let document = read(text)?;
    let input = document.input();
    let rows = fold(&input);
    let rendered = rows.render();
    answers.push(b'[');
    // A short document can have an endless answer: n LUNs that n nodes miss. So it is written as it is made.
    for piece in 0..rows.len().div_ceil(rows_a_piece(&rows)) {
        write_piece(&rows, &rendered, piece, answers);
        if answers.len() >= OUTPUT_BYTES {
            output.write_all(answers).map_err(Failure::Output)?;
            answers.clear();
        }
    }
    answers.extend_from_slice(b"]\n");
    Ok(())
}

fn rows_a_piece(rows: &Rows<'_>) -> usize {
    (PIECE_CELLS / rows.nodes_max().max(1)).max(1)
}

fn write_piece(rows: &Rows<'_>, rendered: &pathkeeper_model::fold::Rendered, piece: usize, to: &mut Vec<u8>) {
    let size = rows_a_piece(rows);
    rows.write(rendered, piece * size..rows.len().min((piece + 1) * size), to);
}

fn read_by_two(text: &str) -> Result<Document<'_>, DocError> {
    let Some(split) = guess_split(text) else { return read(text) };
    thread::scope(|scope| {
        let back = scope.spawn(move || read_back(text, split));
        let front = read_front(text, split)?;
        match back.join() {
            Ok(back) => join(front, back),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Whose turn it is to write.
struct Turn<'w, W> {
    next: usize,
    output: &'w mut W,
    failed: Option<io::Error>,
}

/// Lets the other thread go if this one panics; else it would wait for its turn for ever.
struct LetGo<'t, 'w, W>(&'t Mutex<Turn<'w, W>>, &'t Condvar);

impl<W> Drop for LetGo<'_, '_, W> {
    fn drop(&mut self) {
        if thread::panicking() {
            let failed = io::Error::other("a thread panicked");
            self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = Some(failed);
            self.1.notify_all();
        }
    }
}

fn write_by_two(rows: &Rows<'_>, output: &mut (impl Write + Send)) -> io::Result<()> {
    output.write_all(b"[")?;
    let rendered = rows.render();
    let pieces = rows.len().div_ceil(rows_a_piece(rows));
    let taken = AtomicUsize::new(0);
    let turn = Mutex::new(Turn { next: 0, output, failed: None });
    let moved = Condvar::new();
    let work = || {
        let _let_go = LetGo(&turn, &moved);
        let mut bytes = Vec::new();
        loop {
            let piece = taken.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return;
            }
            bytes.clear();
            write_piece(rows, &rendered, piece, &mut bytes);
            let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut turn = moved
                .wait_while(turn, |turn| turn.next != piece && turn.failed.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            if turn.failed.is_none()
                && let Err(error) = turn.output.write_all(&bytes)
            {
                turn.failed = Some(error);
            }
            let failed = turn.failed.is_some();
            turn.next += 1;
            drop(turn);
            moved.notify_all();
            if failed {
                return;
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let turn = turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    match turn.failed {
        Some(error) => Err(error),
        None => turn.output.write_all(b"]\n"),
    }
}
