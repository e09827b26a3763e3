//! Asks an HTTPS server over HTTP/1.1, from one thread, and prints one line of JSON.
//!
//! `load MODE URL [--OPTION VALUE]...`; `{id}` in the URL stands for the partner.
//!
//! | mode | what |
//! |---|---|
//! | `kept` | one question after the other on each connection |
//! | `rate` | `--rate` questions a second; times count from when each was due |
//! | `handshake` | a new connection for each question |
//! | `burst` | all connections are opened, then one question on each at once |
//! | `idle` | the same; then they are held until stdin ends |
//!
//! `--connections 64 --seconds 5 --warm 1 --calls N --ids FIRST:COUNT[:random] --header LINE`. Before the seconds that
//! count it prints a line `counting`.

mod connection;
mod histogram;
mod tls;

use std::{
    collections::{HashMap, VecDeque},
    env,
    io::{self, Write as _},
    net::ToSocketAddrs,
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Poll};
use rustls::pki_types::ServerName;

use connection::{Connection, State, Target, Went};
use histogram::Histogram;

struct Options(HashMap<String, String>);

impl Options {
    fn read(words: &[String]) -> Self {
        let pairs = words.chunks(2).map(|pair| match pair {
            [name, value] if name.starts_with("--") => (name[2..].to_owned(), value.clone()),
            other => panic!("{other:?} is no option with its value"),
        });
        Self(pairs.collect())
    }

    fn number(&self, name: &str, otherwise: f64) -> f64 {
        self.0.get(name).map_or(otherwise, |value| value.parse().expect("a number"))
    }
}

/// Partners, one after the other or by chance.
struct Ids {
    first: u64,
    count: u64,
    random: bool,
    state: u64,
}

impl Ids {
    fn read(text: &str) -> Self {
        let mut words = text.split(':');
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("FIRST:COUNT");
        let (first, count) = (number(), number());
        let random = words.next() == Some("random");
        Self {
            first,
            count,
            random,
            state: if random { u64::from(std::process::id()) << 17 | 1 } else { 0 },
        }
    }

    fn next(&mut self) -> u64 {
        if self.random {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            return self.first + self.state % self.count;
        }
        self.state += 1;
        self.first + (self.state - 1) % self.count
    }
}

struct Load {
    poll: Poll,
    target: Target,
    path: String,
    tail: String,
    ids: Ids,
    request: Vec<u8>,
    connections: Vec<Connection>,
    opened: u64,
    counting: bool,
    times: Histogram,
    ok: u64,
    other_status: u64,
    failed: u64,
    first_failure: Option<String>,
}

impl Load {
    fn new(mode: &str, url: &str, options: &Options) -> Self {
        let rest = url.strip_prefix("https://").expect("an https URL");
        let slash = rest.find('/').expect("a path");
        let (authority, path) = rest.split_at(slash);
        let host = authority.split(':').next().unwrap_or_default().to_owned();
        let mut addresses = authority.to_socket_addrs().expect("the host has an address");
        let close = if mode == "handshake" { "Connection: close\r\n" } else { "" };
        let own = options.0.get("header").map(|line| format!("{line}\r\n")).unwrap_or_default();
        let tail = format!(
            " HTTP/1.1\r\nHost: {host}\r\nUser-Agent: load\r\nAccept: application/json\r\n{own}{close}\r\n"
        );
        Self {
            poll: Poll::new().expect("epoll"),
            target: Target {
                address: addresses.find(|address| address.is_ipv4()).expect("an IPv4 address"),
                name: ServerName::try_from(host).expect("a host name"),
                tls: Arc::new(tls::config()),
            },
            path: path.to_owned(),
            tail,
            ids: Ids::read(options.0.get("ids").map_or("1000123:1", String::as_str)),
            request: Vec::new(),
            connections: Vec::new(),
            opened: 0,
            counting: false,
            times: Histogram::new(),
            ok: 0,
            other_status: 0,
            failed: 0,
            first_failure: None,
        }
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(why);
        assert!(self.failed < 20_000, "too much fails: {:?}", self.first_failure);
    }

    /// Opens the `at`-th connection, or opens it again.
    fn open(&mut self, at: usize) {
        self.opened += 1;
        let registry = self.poll.registry();
        if let Some(old) = self.connections.get_mut(at) {
            old.forget(registry).expect("it was registered");
        }
        let new = Connection::open(&self.target, registry, at, self.opened).expect("a socket");
        match self.connections.get_mut(at) {
            Some(place) => *place = new,
            None => self.connections.push(new),
        }
    }

    fn ask(&mut self, at: usize, since: Instant) {
        self.request.clear();
        self.request.extend_from_slice(b"GET ");
        match self.path.split_once("{id}") {
            Some((before, behind)) => write!(self.request, "{before}{}{behind}", self.ids.next()),
            None => write!(self.request, "{}", self.path),
        }
        .expect("a Vec takes everything");
        self.request.extend_from_slice(self.tail.as_bytes());
        if let Err(e) = self.connections[at].ask(&self.request, since) {
            self.fail(e.to_string());
        }
    }

    /// What an event of the `at`-th connection led to; answers are counted.
    fn ready(&mut self, at: usize) -> Went {
        let went = self.connections[at].ready();
        match &went {
            Went::Answered(200) if self.counting => {
                self.ok += 1;
                self.times.add(self.connections[at].since.elapsed());
            }
            Went::Answered(_) if self.counting => self.other_status += 1,
            Went::Failed(why) => self.fail(why.clone()),
            _ => {}
        }
        went
    }

    fn events(&mut self, events: &mut Events, longest: Duration) -> Vec<usize> {
        match self.poll.poll(events, Some(longest)) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => panic!("{e}"),
            _ => events.iter().map(|event| event.token().0).collect(),
        }
    }

    /// `kept`, `rate` and `handshake`.
    fn go_on(&mut self, mode: &str, options: &Options) -> Duration {
        let (rate, calls) =
            (options.number("rate", 1000.0), options.number("calls", f64::INFINITY));
        for at in 0..options.number("connections", 64.0) as usize {
            self.open(at);
        }
        let counts_from = Instant::now() + Duration::from_secs_f64(options.number("warm", 1.0));
        let end = counts_from + Duration::from_secs_f64(options.number("seconds", 5.0));
        let mut next = Instant::now() + Duration::from_millis(200);
        let (mut due, mut free) = (VecDeque::new(), Vec::new());
        let mut events = Events::with_capacity(1024);
        // At a rate it does not sleep: waking up would be part of the time.
        let longest = if mode == "rate" { Duration::ZERO } else { Duration::from_millis(50) };
        loop {
            let now = Instant::now();
            if !self.counting && now >= counts_from {
                self.counting = true;
                println!("counting");
            }
            if now >= end || self.ok as f64 >= calls {
                return counts_from.elapsed();
            }
            while mode == "rate" && next <= now {
                due.push_back(next);
                next += Duration::from_secs_f64(1.0 / rate);
            }
            while !due.is_empty()
                && let Some(at) = free.pop()
            {
                self.ask(at, due.pop_front().unwrap_or(now));
            }
            for at in self.events(&mut events, longest) {
                match self.ready(at) {
                    Went::Answered(_) if mode == "handshake" => {
                        self.connections[at].close();
                        self.open(at);
                    }
                    Went::Opened | Went::Answered(_) if mode == "rate" => free.push(at),
                    // A handshake is part of the time.
                    Went::Opened if mode == "handshake" => self.ask(at, self.connections[at].since),
                    Went::Opened | Went::Answered(_) => self.ask(at, Instant::now()),
                    Went::Failed(_) => {
                        free.retain(|other| *other != at);
                        self.open(at);
                    }
                    Went::Nothing => {}
                }
            }
        }
    }

    /// `burst` and `idle`.
    fn all_at_once(&mut self, options: &Options) -> Duration {
        let wanted = options.number("connections", 64.0) as usize;
        let mut events = Events::with_capacity(1024);
        let mut opening = 0;
        while self.connections.len() < wanted || opening > 0 {
            // So many at a time that no queue of a listener overflows.
            while opening < 50 && self.connections.len() < wanted {
                self.open(self.connections.len());
                opening += 1;
            }
            for at in self.events(&mut events, Duration::from_millis(10)) {
                let was = self.connections[at].state;
                self.ready(at);
                opening -= usize::from(
                    was == State::Opening && self.connections[at].state != State::Opening,
                );
            }
        }
        self.counting = true;
        println!("counting");
        let begin = Instant::now();
        let open: Vec<usize> =
            (0..wanted).filter(|at| self.connections[*at].state == State::Idle).collect();
        for at in open {
            self.ask(at, Instant::now());
        }
        while self.connections.iter().any(|connection| connection.state == State::Waiting)
            && begin.elapsed().as_secs() < 30
        {
            for at in self.events(&mut events, Duration::from_millis(10)) {
                self.ready(at);
            }
        }
        begin.elapsed()
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [mode, url, options @ ..] = words.as_slice() else {
        panic!("load MODE URL [--OPTION VALUE]...")
    };
    let options = Options::read(options);
    let mut load = Load::new(mode, url, &options);
    let took = match mode.as_str() {
        "kept" | "rate" | "handshake" => load.go_on(mode, &options),
        "burst" | "idle" => load.all_at_once(&options),
        other => panic!("{other} is no mode"),
    };
    let seconds = took.as_secs_f64();
    println!(
        "{{\"seconds\":{seconds:.4},\"ok\":{},\"bad\":{},\"per_s\":{:.1},\"p50_us\":{:.1},\"p99_us\":{:.1},\"why\":{:?}}}",
        load.ok,
        load.other_status + load.failed,
        load.ok as f64 / seconds,
        load.times.percentile(50.0),
        load.times.percentile(99.0),
        load.first_failure.unwrap_or_default(),
    );
    if mode == "idle" {
        let _until_it_ends = io::copy(&mut io::stdin(), &mut io::sink());
    }
}
