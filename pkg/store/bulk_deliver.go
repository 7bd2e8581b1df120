package store

import "gorm.io/gorm"

// deliverLocks is the class of the advisory locks of lockDeliver.
const deliverLocks = 0x0b01deb

// lockDeliver locks the deliveries of earlier events to an endpoint until the transaction ends. Bulk jobs take the lock alone, so that each
// sees the deliveries that the others have made. Single calls share it.
func (s *Store) lockDeliver(tx *gorm.DB, endpointID string, shared bool) error {
	lock := "pg_advisory_xact_lock"
	switch {
	case !s.dialect.RowLocks:
		return nil
	case shared:
		lock = "pg_advisory_xact_lock_shared"
	}
	return tx.Exec("SELECT "+lock+"(?, hashtext(?))", deliverLocks, endpointID).Error
}
