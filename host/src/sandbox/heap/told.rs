//! What a test is told that would be otherwise in a second run, whose blocks are elsewhere: its allocator goes other ways
//! there, and spends other fuel and pages. So a second run is told what the first one was.

/// Host calls whose time is kept: 8 MiB of them.
const MAX_CALLS: usize = 1 << 20;

/// What one run was told, or what the next is to be.
#[derive(Debug, Clone, Default)]
pub struct Told {
    linear: Linear,
    spent: Spent,
}

impl Told {
    /// The same once more.
    pub fn again(self) -> Self {
        let Self { linear, spent } = self;
        Self { linear: Linear { asked: 0, again: true, ..linear }, spent: Spent { called: 0, again: true, ..spent } }
    }

    /// The size of its linear memory, where `now` is the size.
    pub fn linear(&mut self, now: u64) -> u64 {
        self.linear.tell(now)
    }

    /// The fuel that was spent when it calls the host, which its clock goes by, where `now` was.
    pub fn spent(&mut self, now: u64) -> u64 {
        self.spent.tell(now)
    }
}

#[derive(Debug, Clone, Default)]
struct Linear {
    asked: u64,
    /// Each answer that differs from the one before, with how often it had asked until then. Memory only grows, by pages.
    answers: Vec<(u64, u64)>,
    again: bool,
}

impl Linear {
    fn tell(&mut self, now: u64) -> u64 {
        self.asked += 1;
        let asked = self.asked;
        if self.again {
            let next = self.answers.partition_point(|(at, _)| *at <= asked);
            return next.checked_sub(1).map_or(now, |last| self.answers[last].1);
        }
        if self.answers.last().is_none_or(|(_, last)| *last != now) {
            self.answers.push((asked, now));
        }
        now
    }
}

#[derive(Debug, Clone, Default)]
struct Spent {
    called: usize,
    /// At each call of the host; it never falls.
    calls: Vec<u64>,
    again: bool,
}

impl Spent {
    fn tell(&mut self, now: u64) -> u64 {
        let call = self.called;
        self.called += 1;
        if self.again {
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
        let mut first = Told::default();
        let sizes = [1, 1, 4, 4, 4, 9];
        assert_eq!(sizes.map(|now| first.linear(now)), sizes);
        assert_eq!(first.linear.answers.len(), 3);
        let mut second = first.again();
        assert_eq!(sizes.map(|now| second.linear(now + 2)), sizes);
        assert_eq!(Told::default().again().linear(7), 7, "the first never asked");
    }

    #[test]
    fn its_clock_stands_where_it_stood() {
        let mut first = Told::default();
        let times = [5, 9, 9, 20];
        assert_eq!(times.map(|now| first.spent(now)), times);
        let mut second = first.again();
        assert_eq!(times.map(|now| second.spent(now + 3)), times);
        assert_eq!([second.spent(11), second.spent(30)], [20, 30], "it goes on, and never back");
    }
}
