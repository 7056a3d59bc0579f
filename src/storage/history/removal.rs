//! Removing all that is here of a colony that is gone, some of it at a time: others' batches come between. The colony's
//! own row goes last, so that what was interrupted is found again.

use super::rows::{end_of_oldest_lines, remove_lines_until};
use super::segments;
use crate::ids::Incarnation;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// Rows that go in one transaction.
const AT_ONCE: i64 = 1_000;

/// Bytes of lines that do, but for a larger one.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Segments of the index of lines that go in one transaction: each has some thousand rows.
const SEGMENTS_AT_ONCE: usize = 2;

/// Removes some of what there is. Says whether that was the last.
///
/// # Errors
/// What SQLite says. Nothing was removed then.
pub fn step(connection: &mut Connection, of: Incarnation) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_last = remove_some(&transaction, of)? == 0;
    let sql = if is_last {
        "DELETE FROM colonies WHERE incarnation = ?1"
    } else {
        // Where the log does not sync at once, a crash of the machine may bring the colony back: what it lacks is seen then.
        "UPDATE colonies SET batches = 0 WHERE incarnation = ?1"
    };
    transaction.execute(sql, [of])?;
    transaction.commit()?;
    Ok(is_last)
}

/// Removes some rows; says how many.
fn remove_some(transaction: &Transaction<'_>, of: Incarnation) -> rusqlite::Result<usize> {
    for (table, key) in [("processes", "rowid"), ("workflows", "rowid"), ("attributes", "id")] {
        let sql =
            format!("DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE incarnation = ?1 LIMIT ?2)");
        let removed = transaction.prepare_cached(&sql)?.execute(params![of, AT_ONCE])?;
        if removed > 0 {
            return Ok(removed);
        }
    }
    let removed = segments::drop_oldest(transaction, of, SEGMENTS_AT_ONCE)?;
    if removed > 0 {
        return Ok(removed);
    }
    match end_of_oldest_lines(transaction, of, AT_ONCE, BYTES_AT_ONCE)? {
        Some(until) => remove_lines_until(transaction, of, until),
        None => Ok(0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::storage::history::schema::{batches, colonies, make_tables};
    use crate::storage::history::segments::{IndexBounds, add};

    const TABLES: [&str; 8] =
        ["processes", "workflows", "attributes", "lines", "segments", "timestamps", "postings", "colonies"];

    fn count(connection: &Connection, table: &str) -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    /// Something of everything, more than goes at once.
    fn fill(connection: &mut Connection, of: Incarnation) {
        connection
            .execute_batch(&format!(
                "INSERT INTO colonies (incarnation, batches) VALUES ({of}, 1);
                 WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
                     INSERT INTO processes SELECT {of}, n, 1, CAST({of} || '-' || n AS BLOB), 2, n, n, 't', 'u', '',
                         NULL, NULL, x'00' FROM n;
                 INSERT INTO attributes SELECT id, {of}, number FROM processes WHERE incarnation = {of};
                 INSERT INTO workflows SELECT {of}, number, 1, id, 2, ended, body FROM processes
                     WHERE incarnation = {of};
                 INSERT INTO lines SELECT {of}, number, id, 'e', 'line ' || number FROM processes
                     WHERE incarnation = {of};"
            ))
            .unwrap();
        let bounds = IndexBounds { lines: 500, ..IndexBounds::default() };
        (0..4).for_each(|_| add(connection, of, &bounds).unwrap());
    }

    #[test]
    fn all_of_a_colony_goes_and_nothing_of_others() {
        let mut connection = Connection::open_in_memory().unwrap();
        make_tables(&connection).unwrap();
        fill(&mut connection, 1);
        let of_one = TABLES.map(|table| count(&connection, table));
        assert!(of_one.iter().all(|rows| *rows > 0), "{of_one:?}");
        fill(&mut connection, 2);
        let mut steps = 1;
        while !step(&mut connection, 1).unwrap() {
            steps += 1;
            // It is found again until nothing of it is left, and whoever finds it knows that something is missing.
            assert_eq!(colonies(&connection).unwrap(), [1, 2]);
            assert_eq!(batches(&connection, 1).unwrap(), Some(0));
        }
        assert!(steps > 10, "{steps}");
        assert_eq!(TABLES.map(|table| count(&connection, table)), of_one);
        assert_eq!(colonies(&connection).unwrap(), [2]);
        assert!(step(&mut connection, 1).unwrap());
    }
}
