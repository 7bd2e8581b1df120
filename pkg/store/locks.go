package store

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The locks of rows that a transaction takes.
var (
	forUpdate      = clause.Locking{Strength: clause.LockingStrengthUpdate}
	forUpdateSkip  = clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked} // leaves out locked rows
	forNoKeyUpdate = clause.Locking{Strength: "NO KEY UPDATE"}                                                        // permits references to the row
	forShare       = clause.Locking{Strength: clause.LockingStrengthShare}
	forKeyShare    = clause.Locking{Strength: "KEY SHARE"} // refuses only that the row is deleted
)

// locking locks the rows that a query reads until its transaction ends. In SQLite, the transaction has locked the database.
func (s *Store) locking(query *gorm.DB, lock clause.Locking) *gorm.DB {
	if !s.dialect.RowLocks {
		return query
	}
	return query.Clauses(lock)
}
