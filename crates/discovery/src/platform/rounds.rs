//! Who is asked for its name, and when: a young process with every look, for a launcher becomes a Maya by `exec`; one that is growing up
//! about once a second, for some launchers take their time; and everybody every two minutes.
//!
//! Invariant: a look asks only those that are due, and a round's questions are spread over all its looks.

use std::collections::{HashMap, HashSet};

/// Ages are counted in looks; there are four in a second.
pub const LOOKS_PER_SECOND: i64 = 4;
const YOUNG: i64 = 10 * LOOKS_PER_SECOND;
const GROWN: i64 = 120 * LOOKS_PER_SECOND;
const ROUND: i64 = 120 * LOOKS_PER_SECOND;

/// What came of the question.
#[derive(Debug)]
pub enum Name {
    Is(String),
    /// The process is there, and its name is not for us.
    Hidden,
    Gone,
}

#[derive(Debug, Default)]
pub struct Rounds {
    /// How many there have been.
    look: i64,
    seen: HashMap<u32, Seen>,
}

#[derive(Debug)]
enum Seen {
    Process(Asked),
    /// Nobody yet, after somebody of whom we were told that it ended.
    Vacated {
        since: i64,
    },
    /// One that never becomes another program.
    Settled,
}

#[derive(Debug)]
struct Asked {
    born: i64,
    /// Not even once so far.
    unasked: bool,
    told: Option<String>,
}

impl Rounds {
    pub fn begin_look(&mut self) {
        self.look += 1;
    }

    /// Every two minutes, and at first, all pids are listed, whatever else says that none is new.
    pub fn listing_is_due(&self) -> bool {
        self.look % ROUND == 1
    }

    pub fn knows(&self, pid: u32) -> bool {
        self.seen.contains_key(&pid)
    }

    /// Its name will be told with this look; from then on, `age` says how often it is asked.
    pub fn meet(&mut self, pid: u32, age: i64) {
        self.seen.insert(pid, Seen::Process(Asked { born: self.look - age, unasked: true, told: None }));
    }

    pub fn settle(&mut self, pid: u32) {
        self.seen.insert(pid, Seen::Settled);
    }

    pub fn keep_only(&mut self, pids: &HashSet<u32>) {
        self.seen.retain(|pid, seen| pids.contains(pid) || matches!(seen, Seen::Vacated { .. }));
    }

    /// These are all there are. Whoever was here before us has settled down.
    #[cfg(any(test, not(target_os = "linux")))]
    pub fn attend(&mut self, pids: &HashSet<u32>) {
        let age = if self.look == 1 { GROWN } else { 0 };
        self.keep_only(pids);
        for pid in pids {
            if !self.knows(*pid) {
                self.meet(*pid, age);
            }
        }
    }

    pub fn tell_again(&mut self, pid: u32) {
        if let Some(Seen::Process(asked)) = self.seen.get_mut(&pid) {
            asked.told = None;
        }
    }

    pub fn look_again_at(&mut self, pid: u32) {
        self.seen.insert(pid, Seen::Vacated { since: self.look });
    }

    /// Asks all that are due; gives those whose answer is news.
    pub fn new_names(&mut self, ask: impl Fn(u32) -> Name) -> Vec<(u32, String)> {
        let look = self.look;
        let mut news = Vec::new();
        self.seen.retain(|pid, seen| match seen {
            Seen::Settled => true,
            Seen::Vacated { since } => match ask(*pid) {
                Name::Is(name) => {
                    news.push((*pid, name.clone()));
                    *seen = Seen::Process(Asked { born: look, unasked: false, told: Some(name) });
                    true
                }
                Name::Hidden | Name::Gone => look - *since < YOUNG,
            },
            Seen::Process(asked) if !asked.is_due(*pid, look) => true,
            Seen::Process(asked) => {
                asked.unasked = false;
                match ask(*pid) {
                    Name::Is(name) => {
                        if asked.told.as_ref() != Some(&name) {
                            news.push((*pid, name.clone()));
                            asked.told = Some(name);
                        }
                        true
                    }
                    Name::Hidden => true,
                    Name::Gone => false,
                }
            }
        });
        news
    }
}

impl Asked {
    /// The pid spreads those of the same age.
    fn is_due(&self, pid: u32, look: i64) -> bool {
        let age = look - self.born;
        let every = match age {
            ..YOUNG => 1,
            YOUNG..GROWN => LOOKS_PER_SECOND,
            _ => ROUND,
        };
        self.unasked || (look + i64::from(pid)) % every == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    /// One look at these processes: what is told, and how many were asked.
    fn look(rounds: &mut Rounds, running: &HashMap<u32, &str>) -> (Vec<(u32, String)>, usize) {
        let asked = Cell::new(0);
        let news = rounds.new_names(|pid| {
            asked.set(asked.get() + 1);
            running.get(&pid).map_or(Name::Gone, |name| match *name {
                "?" => Name::Hidden,
                name => Name::Is(name.to_owned()),
            })
        });
        (news, asked.get())
    }

    fn told(pid: u32, name: &str) -> Vec<(u32, String)> {
        vec![(pid, name.to_owned())]
    }

    #[test]
    fn a_new_name_is_told_once_however_late_it_comes() {
        for (after, within) in [(3, 1), (YOUNG + 7, LOOKS_PER_SECOND), (GROWN + 7, ROUND)] {
            let mut rounds = Rounds::default();
            let mut running = HashMap::from([(8, "bash")]);
            rounds.begin_look();
            rounds.meet(8, 0);
            assert_eq!(look(&mut rounds, &running).0, told(8, "bash"), "it is new");
            for _ in 0..after {
                rounds.begin_look();
                assert_eq!(look(&mut rounds, &running).0, [], "nothing new");
            }
            running.insert(8, "maya.bin");
            let news = (0..within).find_map(|_| {
                rounds.begin_look();
                let (news, _) = look(&mut rounds, &running);
                (!news.is_empty()).then_some(news)
            });
            assert_eq!(news, Some(told(8, "maya.bin")), "told within {within} looks after {after}");
        }
    }

    #[test]
    fn everybody_is_listed_at_first_and_then_every_two_minutes() {
        let mut rounds = Rounds::default();
        let due = (0..=2 * ROUND).filter(|_| {
            rounds.begin_look();
            rounds.listing_is_due()
        });
        assert_eq!(due.collect::<Vec<_>>(), [0, ROUND, 2 * ROUND], "each round's first look");
    }

    #[test]
    fn a_rounds_questions_are_spread_over_its_looks() {
        let mut rounds = Rounds::default();
        let running: HashMap<u32, &str> = (1..=600).map(|pid| (pid, "cat")).collect();
        rounds.begin_look();
        rounds.attend(&running.keys().copied().collect());
        rounds.settle(600);
        assert_eq!(look(&mut rounds, &running).0.len(), 599, "all but the settled one are told");
        let asked = RefCell::new(HashMap::<u32, u32>::new());
        for _ in 0..ROUND {
            rounds.begin_look();
            let before: u32 = asked.borrow().values().sum();
            rounds.new_names(|pid| {
                *asked.borrow_mut().entry(pid).or_default() += 1;
                Name::Is("cat".to_owned())
            });
            assert!(asked.borrow().values().sum::<u32>() - before <= 3, "a few at a time");
        }
        let asked = asked.into_inner();
        assert_eq!(asked.len(), 599, "everybody was asked, the settled one never");
        assert!(asked.values().all(|times| *times == 1), "once");
    }

    #[test]
    fn a_vacated_pid_is_watched_until_it_is_taken_or_old() {
        let mut rounds = Rounds::default();
        rounds.begin_look();
        rounds.meet(8, GROWN);
        let mut running = HashMap::from([(8, "maya.bin")]);
        assert_eq!(look(&mut rounds, &running).0, told(8, "maya.bin"), "the first");
        rounds.look_again_at(8);
        running.clear();
        rounds.begin_look();
        rounds.keep_only(&HashSet::new());
        assert_eq!(look(&mut rounds, &running), (Vec::new(), 1), "nobody has it, and it is watched");
        running.insert(8, "maya.bin");
        rounds.begin_look();
        assert_eq!(look(&mut rounds, &running).0, told(8, "maya.bin"), "the second, under the same name");

        rounds.look_again_at(8);
        running.clear();
        for _ in 0..=YOUNG {
            rounds.begin_look();
            look(&mut rounds, &running);
        }
        assert!(!rounds.knows(8), "not for ever");
    }

    #[test]
    fn who_is_gone_is_forgotten_and_who_hides_is_kept() {
        let mut rounds = Rounds::default();
        rounds.begin_look();
        rounds.meet(8, 0);
        rounds.meet(9, 0);
        assert_eq!(look(&mut rounds, &HashMap::from([(9, "?")])).0, [], "no names");
        assert_eq!((rounds.knows(8), rounds.knows(9)), (false, true), "gone, and hidden");
        rounds.begin_look();
        assert_eq!(look(&mut rounds, &HashMap::from([(9, "cat")])).0, told(9, "cat"), "no longer hidden");
        rounds.tell_again(9);
        rounds.begin_look();
        assert_eq!(look(&mut rounds, &HashMap::from([(9, "cat")])).0, told(9, "cat"), "as was asked for");
    }
}
