//! Sums and lists of processes against looking at all of them.

use super::*;
use proptest::prelude::*;

fn submission(n: u8) -> Submission {
    let request = format!(
        r#"{{"funcname":"f{n}","args":[{n}],"env":{{"k":"{n}"}},"maxretries":{},"label":"l{}",
        "priority":{},"conditions":{{"executortype":"t{}"}}}}"#,
        n % 3,
        n % 2,
        n % 4,
        n % 3
    );
    Submission::sample(ProcessId([n; 32]), &request)
}

fn event(kind: u8, n: u8) -> ProcessEvent {
    let id = ProcessId([n; 32]);
    let out = RawJson::from_text(format!("[{n}]")).expect("a list");
    let attribute = Attribute {
        target_colony_name: "c".into(),
        state: 0,
        kind: i32::from(kind % 2),
        key: "key".into(),
        value: "v".repeat(n.into()).into(),
        attempt: 1,
    };
    match kind % 10 {
        0 | 1 => ProcessEvent::Assigned { id, executor: Identity::from_text("e") },
        2 => ProcessEvent::ClosedSuccessful { id, out: Some(out) },
        3 => ProcessEvent::ClosedFailed { id, errors: vec!["e".repeat(n.into())] },
        4 => ProcessEvent::OutputSet { id, out },
        5 => ProcessEvent::ExecExpired(id),
        6 => ProcessEvent::WaitExpired(id),
        7 => ProcessEvent::Removed(id),
        _ => ProcessEvent::AttributeAdded { id, attribute },
    }
}

proptest! {
    /// What is kept as a sum is the sum.
    #[test]
    fn the_bytes_are_those_of_all_processes(steps in proptest::collection::vec((0u8..20, 0u8..6), 0..60)) {
        let mut processes = Processes::default();
        for n in 0..6 {
            let event = ProcessEvent::Submitted(Box::new(submission(n)));
            processes.apply(event, n.into(), n.into(), &mut Changes::default());
        }
        for (kind, n) in steps {
            processes.apply(event(kind, n), 10, 10, &mut Changes::default());
            prop_assert_eq!(processes.bytes(), processes.iter().map(Process::bytes).sum::<usize>());
        }
    }

    /// Whatever was changed and whenever they are read, the lists are what looking at every process would give.
    #[test]
    fn the_lists_are_those_of_all_processes(steps in proptest::collection::vec((0u8..25, 0u8..8), 0..80)) {
        let mut processes = Processes::default();
        for (at, (kind, n)) in (1..).zip(steps) {
            let is_there = processes.get(&ProcessId([n; 32])).is_some();
            let event = match kind {
                20.. if !is_there => ProcessEvent::Submitted(Box::new(submission(n))),
                20.. => {
                    check_lists(&processes)?;
                    continue;
                }
                _ => event(kind, n),
            };
            processes.apply(event, at * 1_000, at.unsigned_abs(), &mut Changes::default());
        }
        check_lists(&processes)?;
    }
}

fn check_lists(processes: &Processes) -> Result<(), TestCaseError> {
    for state in ProcessState::ALL {
        let mut of_state: Vec<_> = processes.iter_from(0).filter(|(_, process)| process.state == state).collect();
        prop_assert_eq!(processes.count(state), of_state.len());
        let newest: Vec<_> = of_state.iter().rev().copied().filter(|(number, _)| number % 3 > 0).take(2).collect();
        let wanted = |process: &Process| processes.number(&process.id).is_some_and(|number| number % 3 > 0);
        prop_assert_eq!(processes.newest_since(state, Time::default(), (100, 2), wanted), newest);
        of_state.sort_by_key(|(number, process)| (super::super::lists::order(process), *number));
        let of = |is_listed: &dyn Fn(&Process) -> bool| -> Vec<(u64, &Process)> {
            of_state.iter().copied().filter(|(_, process)| is_listed(process)).take(3).collect()
        };
        prop_assert_eq!(processes.list(state, ListFilter::All, 3), of(&|_| true));
        prop_assert_eq!(processes.list(state, ListFilter::Initiator("u"), 3), of(&|_| true));
        for key in ["t1", "l1"] {
            let of_type = of(&|process| &*process.spec.conditions.executor_type == key);
            prop_assert_eq!(processes.list(state, ListFilter::ExecutorType(key), 3), of_type);
            let of_label = of(&|process| &*process.spec.label == key);
            prop_assert_eq!(processes.list(state, ListFilter::Label(key), 3), of_label);
        }
    }
    Ok(())
}
