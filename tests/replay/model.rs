//! A scheduler so naive that it is obviously right: everything is found by looking at everything (chapter 2, 3 and 5).

use super::graphs::Graph;
use colonies::colony::matching::Moment;
use colonies::time::Time;

/// What an executor brings, or a process asks for.
#[derive(Clone, Debug)]
pub struct Needs {
    pub kind: usize,
    /// Names of executors; empty is anyone.
    pub names: Vec<usize>,
    /// 0 is anywhere.
    pub location: usize,
    pub cpu: i64,
    pub memory: i64,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub id: String,
    pub needs: Needs,
    /// The protocol's number.
    pub state: u8,
    pub executor: Option<usize>,
    /// The number of the key that its executor has, or had when it ended.
    pub key: usize,
    pub retries: i64,
    priority_time: i64,
    max_wait: i64,
    max_exec: i64,
    max_retries: i64,
    /// Deadlines as they are stored, in microseconds, and the monotonic time at which the present one is due.
    wait_deadline: Option<i64>,
    exec_deadline: Option<i64>,
    due: Option<u64>,
    /// The poll that its assignment is held for.
    pub held: Option<usize>,
    /// Its workflow, by place.
    pub graph: Option<usize>,
    /// The nodes that must succeed first, by place.
    pub parents: Vec<usize>,
    /// Whether it has not been released by them.
    pub waits: bool,
    /// Whether it came with its workflow, and was not added to it.
    pub was_submitted: bool,
    /// Whether it was removed. It keeps its place here.
    pub gone: bool,
}

#[derive(Clone, Debug)]
pub struct Poll {
    pub number: usize,
    pub executor: usize,
    pub kind: usize,
    pub location: usize,
    pub cpu: Option<i64>,
    pub memory: Option<i64>,
    pub until: u64,
    pub left: bool,
}

/// What a poll is told in the end: a process by its place, or a refusal's status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Process(usize),
    Refused(u16),
}

#[derive(Debug, Default)]
pub struct Model {
    /// In order of submission.
    pub processes: Vec<Process>,
    pub graphs: Vec<Graph>,
    /// In order of arrival.
    waiting: Vec<Poll>,
    /// Polls whose assignment is held, with the place that they had: none for one that never waited.
    held: Vec<(Poll, Option<usize>)>,
    arrivals: Vec<usize>,
    pub paused: bool,
    pub approved: [bool; 4],
    /// The number of each executor's key.
    pub keys: [usize; 4],
    /// Answers that were given, by poll; those of who left are not told.
    pub answers: Vec<(usize, Answer)>,
    /// Processes that became assignable in this turn, and whether every waiter has to look.
    ready: Vec<usize>,
    everyone: bool,
}

pub fn fits(needs: &Needs, poll: &Poll) -> bool {
    needs.kind == poll.kind
        && (needs.names.is_empty() || needs.names.contains(&poll.executor))
        && (needs.location == 0 || needs.location == poll.location)
        && poll.cpu.is_none_or(|cpu| needs.cpu <= cpu)
        && poll.memory.is_none_or(|memory| needs.memory <= memory)
}

impl Process {
    pub fn new(id: String, needs: Needs, priority: i64, limits: [i64; 3], at: Moment) -> Process {
        let [max_wait, max_exec, max_retries] = limits;
        Process {
            id,
            needs,
            state: 0,
            executor: None,
            key: 0,
            retries: 0,
            priority_time: at.now - priority * 86_400_000_000_000,
            max_wait,
            max_exec,
            max_retries,
            wait_deadline: deadline(at, max_wait),
            exec_deadline: None,
            due: None,
            held: None,
            graph: None,
            parents: Vec::new(),
            waits: false,
            was_submitted: true,
            gone: false,
        }
    }

    /// Whether it stands in its queue.
    pub fn is_open(&self) -> bool {
        !self.gone && self.state == 0 && !self.waits
    }

    pub fn runs(&self) -> bool {
        !self.gone && self.state == 1
    }

    /// Sets the timer for the present state.
    fn rearm(&mut self, at: Moment) {
        let deadline = match self.state {
            _ if self.gone => None,
            0 => self.wait_deadline,
            1 => self.exec_deadline,
            _ => None,
        };
        let left = |deadline: i64| u64::try_from(deadline - at.now.div_euclid(1_000)).unwrap_or(0);
        self.due = deadline.map(|deadline| at.monotonic + left(deadline));
    }

    fn wait_again(&mut self) {
        (self.state, self.executor) = (0, None);
    }
}

fn deadline(at: Moment, seconds: i64) -> Option<i64> {
    (seconds > 0).then(|| Time::from_nanos(at.now).micros() + seconds * 1_000_000)
}

impl Model {
    pub fn submit(&mut self, process: Process, at: Moment) {
        self.add(process, at);
        self.hand_out(at);
    }

    /// Adds a process, which may be a node that waits for others, without handing anything out.
    pub fn add(&mut self, mut process: Process, at: Moment) -> usize {
        process.rearm(at);
        let place = self.processes.len();
        if process.is_open() {
            self.ready.push(place);
        }
        self.processes.push(process);
        place
    }

    /// A poll that waits, or asks once where `waits` is false.
    pub fn poll(&mut self, poll: Poll, waits: bool, at: Moment) {
        let number = poll.number;
        let best = if self.paused { None } else { self.best(&poll) };
        match best {
            Some(place) => self.assign(place, poll, None, at),
            None if waits => {
                self.arrivals.push(number);
                self.waiting.push(poll);
            }
            None => self.answer(&poll, Answer::Refused(404)),
        }
        self.hand_out(at);
    }

    /// The first process that a poll may have.
    fn best(&self, poll: &Poll) -> Option<usize> {
        let places = 0..self.processes.len();
        let open = places.filter(|&n| self.processes[n].is_open() && fits(&self.processes[n].needs, poll));
        open.min_by_key(|&n| (self.processes[n].priority_time, n))
    }

    fn assign(&mut self, place: usize, poll: Poll, arrival: Option<usize>, at: Moment) {
        let key = self.keys[poll.executor];
        let process = &mut self.processes[place];
        (process.state, process.executor, process.held) = (1, Some(poll.executor), Some(poll.number));
        process.key = key;
        process.exec_deadline = deadline(at, process.max_exec);
        process.rearm(at);
        self.held.push((poll, arrival));
        self.resolve(place);
    }

    fn answer(&mut self, poll: &Poll, answer: Answer) {
        if !poll.left {
            self.answers.push((poll.number, answer));
        }
    }

    /// No eligible poll waits while an eligible process does.
    pub fn hand_out(&mut self, at: Moment) {
        let (ready, everyone) = (std::mem::take(&mut self.ready), std::mem::take(&mut self.everyone));
        if self.paused || self.waiting.is_empty() {
            // Whoever had to look has to later.
            self.everyone = everyone;
            return;
        }
        if everyone {
            for number in self.waiting.iter().map(|poll| poll.number).collect::<Vec<_>>() {
                self.give(number, at);
            }
            return;
        }
        for place in ready {
            while self.processes[place].is_open() {
                let fit = self.waiting.iter().find(|poll| fits(&self.processes[place].needs, poll));
                let Some(number) = fit.map(|poll| poll.number) else { break };
                self.give(number, at);
            }
        }
    }

    /// A waiting poll gets the best that it may have; one whose client has gone drops out when its turn comes.
    fn give(&mut self, number: usize, at: Moment) {
        let index = self.waiting.iter().position(|poll| poll.number == number).unwrap();
        if let Some(place) = self.best(&self.waiting[index]) {
            let poll = self.waiting.remove(index);
            if !poll.left {
                let arrival = self.arrivals.iter().position(|&other| other == poll.number);
                self.assign(place, poll, arrival, at);
            }
        }
    }

    /// An attempt is over: a poll that it was held for waits again, at its old place where it had one.
    fn end_attempt(&mut self, place: usize) {
        let Some(number) = self.processes[place].held.take() else { return };
        let index = self.held.iter().position(|(poll, _)| poll.number == number).unwrap();
        let (poll, arrival) = self.held.remove(index);
        if poll.left {
            return;
        }
        if arrival.is_none() {
            self.arrivals.push(number);
        }
        self.waiting.push(poll);
        let arrivals = &self.arrivals;
        self.waiting.sort_by_key(|poll| arrivals.iter().position(|&other| other == poll.number));
        self.everyone = true;
    }

    pub fn close(&mut self, place: usize, state: u8, at: Moment) {
        self.end(place, state, at);
        self.tell_graph(place, at);
        self.hand_out(at);
    }

    /// A process comes to its end, as far as it alone is concerned.
    pub fn end(&mut self, place: usize, state: u8, at: Moment) {
        self.processes[place].state = state;
        self.processes[place].rearm(at);
        self.end_attempt(place);
    }

    /// Takes processes out, the first of them first.
    pub fn remove(&mut self, places: &[usize], at: Moment) {
        for &place in places {
            self.processes[place].gone = true;
            self.processes[place].rearm(at);
            self.end_attempt(place);
        }
        self.hand_out(at);
    }

    /// Puts a node into its queue that waits for nothing any more.
    pub fn release(&mut self, place: usize) {
        self.processes[place].waits = false;
        self.ready.push(place);
    }

    /// An executor has another key: what has not reached it under the old one is taken back, and its polls end.
    pub fn rekey(&mut self, executor: usize, key: usize, at: Moment) {
        self.keys[executor] = key;
        let its = |process: &&mut Process| process.runs() && process.executor == Some(executor);
        self.processes.iter_mut().filter(its).for_each(|process| process.key = key);
        self.refuse_polls_of(executor);
        let (lost, kept) = self.held.drain(..).partition(|(poll, _)| poll.executor == executor && !poll.left);
        self.held = kept;
        let lost: Vec<(Poll, Option<usize>)> = lost;
        for (poll, _) in lost {
            self.answer(&poll, Answer::Refused(403));
            let place = self.processes.iter().position(|process| process.held == Some(poll.number)).unwrap();
            self.take_back(place, at);
        }
        self.hand_out(at);
    }

    fn refuse_polls_of(&mut self, executor: usize) {
        let (lost, kept) = std::mem::take(&mut self.waiting).into_iter().partition(|poll| poll.executor == executor);
        self.waiting = kept;
        let lost: Vec<Poll> = lost;
        lost.iter().for_each(|poll| self.answer(poll, Answer::Refused(403)));
    }

    /// An assignment that never reached its executor: the process has its place back.
    fn take_back(&mut self, place: usize, at: Moment) {
        let process = &mut self.processes[place];
        process.held = None;
        process.wait_again();
        process.exec_deadline = None;
        process.rearm(at);
        self.ready.push(place);
    }

    /// The colony's owner approves an executor, or takes its right away and with it what it holds.
    pub fn set_approved(&mut self, executor: usize, approved: bool, at: Moment) {
        self.approved[executor] = approved;
        if approved {
            return;
        }
        let places = 0..self.processes.len();
        let holds = |n: &usize| self.processes[*n].runs() && self.processes[*n].executor == Some(executor);
        for place in places.filter(holds).collect::<Vec<_>>() {
            self.processes[place].wait_again();
            self.processes[place].rearm(at);
            self.ready.push(place);
            self.end_attempt(place);
        }
        self.refuse_polls_of(executor);
        self.hand_out(at);
    }

    pub fn pause(&mut self, paused: bool, at: Moment) {
        self.paused = paused;
        self.everyone |= !paused;
        self.hand_out(at);
    }

    /// Held assignments leave for their clients.
    pub fn sync(&mut self) {
        for (poll, arrival) in std::mem::take(&mut self.held) {
            if poll.left {
                self.held.push((poll, arrival));
                continue;
            }
            let place = self.processes.iter().position(|process| process.held == Some(poll.number)).unwrap();
            self.processes[place].held = None;
            self.answers.push((poll.number, Answer::Process(place)));
        }
    }

    pub fn leave(&mut self, number: usize) {
        let waiting = self.waiting.iter_mut().filter(|poll| poll.number == number);
        let held = self.held.iter_mut().map(|(poll, _)| poll).filter(|poll| poll.number == number);
        waiting.chain(held).for_each(|poll| poll.left = true);
    }

    /// The colony hears of those who left: what was held for them has its place back and cost no retry.
    pub fn hear_of(&mut self, leavers: &[usize], at: Moment) {
        for &number in leavers {
            self.waiting.retain(|poll| poll.number != number);
            let Some(place) = self.processes.iter().position(|process| process.held == Some(number)) else { continue };
            self.held.retain(|(poll, _)| poll.number != number);
            self.take_back(place, at);
        }
        self.hand_out(at);
    }

    pub fn tick(&mut self, at: Moment) {
        let (over, kept) = std::mem::take(&mut self.waiting).into_iter().partition(|poll| poll.until <= at.monotonic);
        self.waiting = kept;
        let over: Vec<Poll> = over;
        let status = if self.paused { 408 } else { 404 };
        over.iter().for_each(|poll| self.answer(poll, Answer::Refused(status)));
        let mut due: Vec<usize> = (0..self.processes.len()).collect();
        due.retain(|&n| self.processes[n].due.is_some_and(|due| due <= at.monotonic));
        due.sort_by_key(|&n| (self.processes[n].due, n));
        if due.is_empty() {
            return;
        }
        // What is to happen to each is settled before the first of it happens.
        let due: Vec<_> = due.into_iter().map(|n| (n, self.processes[n].state, self.processes[n].held)).collect();
        for (place, state, held) in due {
            // One may have ended with another node of its workflow.
            if self.processes[place].state == state {
                self.expire(place, held.is_some(), at);
            }
        }
        self.hand_out(at);
    }

    fn expire(&mut self, place: usize, is_held: bool, at: Moment) {
        // One that never reached its executor has not run.
        if is_held {
            self.end_attempt(place);
            self.take_back(place, at);
            return;
        }
        let process = &mut self.processes[place];
        let ran = process.state == 1;
        if !ran || process.max_retries >= 0 && process.retries >= process.max_retries {
            self.end(place, 3, at);
            self.tell_graph(place, at);
            return;
        }
        process.wait_again();
        process.retries += 1;
        process.wait_deadline = deadline(at, process.max_wait);
        process.rearm(at);
        self.ready.push(place);
        self.end_attempt(place);
    }

    /// No executor waits for what it could have, and whatever runs has one owner that may work.
    pub fn assert_settled(&self) {
        if !self.paused {
            for poll in self.waiting.iter().filter(|poll| !poll.left) {
                assert_eq!(self.best(poll), None, "poll {} waits beside a process that it may have", poll.number);
            }
        }
        for process in &self.processes {
            let owner = process.executor.filter(|_| process.runs());
            assert_eq!(owner.is_some(), process.runs(), "{process:?}");
            assert!(owner.is_none_or(|executor| self.approved[executor]), "{process:?}");
        }
    }
}
