//! Answers of the host that another run would get differently. In a second run, blocks are elsewhere, so the allocator does
//! other work and spends other fuel and pages. Therefore the second run is given the answers that the first run got.

/// Most host calls whose time is kept: 8 MiB.
const MAX_CALLS: usize = 1 << 20;

/// The answers of one run. They are recorded as they are given, or replayed from an earlier run.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    sizes: Sizes,
    fuel: Fuel,
}

impl Answers {
    /// Answers that replay what was recorded, from its start.
    pub fn replay(&self) -> Self {
        let (sizes, fuel) = (self.sizes.answers.clone(), self.fuel.calls.clone());
        Self {
            sizes: Sizes { asked: 0, answers: sizes, replays: true },
            fuel: Fuel { called: 0, calls: fuel, replays: true },
        }
    }

    /// The answers of another run that goes on where this one stands. It replays what `given` does, if that replays; otherwise it
    /// goes on as this one.
    pub fn go_on(&self, given: &Self) -> Self {
        let mut next = self.clone();
        if given.sizes.replays {
            next.sizes.answers.clone_from(&given.sizes.answers);
            next.fuel.calls.clone_from(&given.fuel.calls);
            (next.sizes.replays, next.fuel.replays) = (true, true);
        }
        next
    }

    /// Whether every answer was kept.
    pub fn are_all(&self) -> bool {
        self.fuel.calls.len() < MAX_CALLS
    }

    /// The size of linear memory to answer with; `now` is the real size.
    pub fn linear(&mut self, now: u64) -> u64 {
        self.sizes.answer(now)
    }

    /// The spent fuel that sets the clock for a call of the host; `now` is the fuel really spent.
    pub fn spent(&mut self, now: u64) -> u64 {
        self.fuel.answer(now)
    }
}

/// Answers about the size of linear memory.
#[derive(Debug, Clone, Default)]
struct Sizes {
    /// How often the guest has asked.
    asked: u64,
    /// Each answer that differs from the one before it, with the number of the question that it answered first. Memory only
    /// grows, by pages, so there are few.
    answers: Vec<(u64, u64)>,
    replays: bool,
}

impl Sizes {
    fn answer(&mut self, now: u64) -> u64 {
        self.asked += 1;
        let asked = self.asked;
        if self.replays {
            let next = self.answers.partition_point(|(at, _)| *at <= asked);
            return next.checked_sub(1).map_or(now, |last| self.answers[last].1);
        }
        if self.answers.last().is_none_or(|(_, last)| *last != now) {
            self.answers.push((asked, now));
        }
        now
    }
}

/// The spent fuel at each call of the host.
#[derive(Debug, Clone, Default)]
struct Fuel {
    /// How often the host was called.
    called: usize,
    /// The fuel that was spent at each call. It never falls.
    calls: Vec<u64>,
    replays: bool,
}

impl Fuel {
    fn answer(&mut self, now: u64) -> u64 {
        let call = self.called;
        self.called += 1;
        if self.replays {
            let last = self.calls.last().copied().unwrap_or(0);
            return self.calls.get(call).copied().unwrap_or(now.max(last));
        }
        if call < MAX_CALLS {
            self.calls.push(now);
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_what_the_first_was() {
        let mut first = Answers::default();
        let sizes = [1, 1, 4, 4, 4, 9];
        assert_eq!(sizes.map(|now| first.linear(now)), sizes);
        assert_eq!(first.sizes.answers.len(), 3);
        let mut second = first.replay();
        assert_eq!(sizes.map(|now| second.linear(now + 2)), sizes);
        assert_eq!(Answers::default().replay().linear(7), 7, "the first never asked");
    }

    /// A set-up, a test after it, the set-up once more, and the test once more after that.
    #[test]
    fn what_goes_on_after_a_set_up_is_told_what_the_first_was() {
        let nothing = Answers::default();
        let mut setup = nothing.clone();
        assert_eq!([setup.linear(1), setup.linear(4), setup.spent(10)], [1, 4, 10]);
        let mut test = setup.go_on(&nothing);
        assert_eq!([test.linear(4), test.linear(9), test.spent(25)], [4, 9, 25]);
        let mut moved = setup.replay();
        assert_eq!([moved.linear(3), moved.linear(6), moved.spent(12)], [1, 4, 10]);
        let mut second = moved.go_on(&test.replay());
        assert_eq!([second.linear(6), second.linear(11), second.spent(28)], [4, 9, 25]);
        assert_eq!(setup.go_on(&nothing).linear(5), 5, "where nothing is replayed, answers are noted");
    }

    #[test]
    fn its_clock_stands_where_it_stood() {
        let mut first = Answers::default();
        let times = [5, 9, 9, 20];
        assert_eq!(times.map(|now| first.spent(now)), times);
        let mut second = first.replay();
        assert_eq!(times.map(|now| second.spent(now + 3)), times);
        assert_eq!([second.spent(11), second.spent(30)], [20, 30], "it goes on, and never back");
    }
}
