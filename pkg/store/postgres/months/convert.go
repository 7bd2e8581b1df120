package months

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"redrive/pkg/store"
)

// leastAhead is how long before the first month a conversion begins at the latest. Until the conversion is over, an ID of that month is
// refused by the tables, so that an interrupted conversion has this much time to be repeated or undone.
const leastAhead = 7 * 24 * time.Hour

// AheadMonths is how many months beyond the current one have a partition.
const AheadMonths = 2

// Convert divides the tables beside other processes, which go on using them. It returns false if they are divided already. It calls step
// with what it has begun. If it is interrupted or fails, the tables stay as they were.
func (m *Months) Convert(ctx context.Context, now time.Time, step func(string)) (converted bool, err error) {
	db := m.db
	err = exclusive(ctx, db, func() error {
		found, err := read(ctx, db)
		if err != nil || found.divided() {
			return err
		}
		converted = true
		err = convert(ctx, db, now, step)
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
			defer cancel()
			err = errors.Join(err, release(undo, db))
		}
		return err
	})
	return converted && err == nil, err
}

// undoTime is how long an interrupted conversion tries to remove its constraints.
const undoTime = 30 * time.Second

func convert(ctx context.Context, db *sql.DB, now time.Time, step func(string)) error {
	month := store.StartOfMonth(now).AddDate(0, 1, 0)
	if month.Sub(now) < leastAhead {
		month = month.AddDate(0, 1, 0)
	}
	if err := release(ctx, db); err != nil { // of a conversion that was killed
		return err
	}
	for _, t := range tables {
		step("checking the IDs of " + t.name)
		if err := check(ctx, db, t, month); err != nil {
			return err
		}
	}
	step("dividing the tables")
	return short(ctx, db, func(tx *sql.Tx) error {
		for _, t := range tables {
			if err := run(ctx, tx, "LOCK TABLE "+t.name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				return err
			}
		}
		for _, t := range tables {
			if err := swap(ctx, tx, t, month); err != nil {
				return err
			}
			for _, m := range from(month, store.StartOfMonth(now).AddDate(0, AheadMonths+1, 0)) {
				if err := attach(ctx, tx, t, suffixOf(m), rangeOf(t, m)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// check adds a constraint by which the table becomes a partition without a scan, and has PostgreSQL check it. Other processes read and write
// the table meanwhile.
func check(ctx context.Context, db *sql.DB, t table, month time.Time) error {
	err := short(ctx, db, func(tx *sql.Tx) error {
		return run(ctx, tx, "ALTER TABLE "+t.name+" ADD CONSTRAINT "+t.constraint()+" CHECK ("+t.key+" < "+t.bound(month)+") NOT VALID")
	})
	if err != nil {
		return err
	}
	err = short(ctx, db, func(tx *sql.Tx) error {
		return run(ctx, tx, "ALTER TABLE "+t.name+" VALIDATE CONSTRAINT "+t.constraint())
	})
	if isCode(err, outOfRange) {
		return fmt.Errorf("the table %s has an ID that sorts behind %s, the month of which has not begun: correct the clock that has made it, and delete its row: %w",
			t.name, t.bound(month), err)
	}
	return err
}

// constraints returns the tables that have the constraint of check.
func constraints(ctx context.Context, db querier) ([]string, error) {
	return column(ctx, db, `SELECT t.relname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.contype = 'c' AND c.conname = t.relname || '`+beforeMonth+`' AND t.relnamespace = CAST(current_schema() AS regnamespace)`)
}

// release removes the constraints of check.
func release(ctx context.Context, db *sql.DB) error {
	left, err := constraints(ctx, db)
	for _, name := range left {
		err = errors.Join(err, short(ctx, db, func(tx *sql.Tx) error {
			return run(ctx, tx, "ALTER TABLE "+name+" DROP CONSTRAINT IF EXISTS "+name+beforeMonth)
		}))
	}
	return err
}

// swap makes the table the first partition of a new table of its name, and adds a default partition. tx has locked the table.
func swap(ctx context.Context, tx *sql.Tx, t table, month time.Time) error {
	old := t.partition(first)
	indexes, err := texts(ctx, tx, indexesSQL, t.name)
	if err != nil {
		return err
	}
	var build []string
	for _, index := range indexes {
		name, definition, constraint, hasKey := index[0], index[1], index[2], index[3] == "true"
		if err := run(ctx, tx, "ALTER INDEX "+name+" RENAME TO "+name+"_"+first); err != nil {
			return err
		}
		switch {
		case constraint != "" && hasKey:
			build = append(build, "ALTER TABLE "+t.name+" ADD CONSTRAINT "+name+" "+constraint)
		case constraint == "":
			_, using, _ := strings.Cut(definition, " USING ")
			build = append(build, "CREATE INDEX "+name+" ON "+t.name+" USING "+using)
		} // a unique index without the key exists in each partition alone
	}
	owner, err := t.owner(ctx, tx)
	if err != nil {
		return err
	}
	grants, err := column(ctx, tx, grantsSQL, t.name)
	if err != nil {
		return err
	}
	err = run(ctx, tx,
		"ALTER TABLE "+t.name+" RENAME TO "+old,
		"CREATE TABLE "+t.name+" (LIKE "+old+" "+likeTable+") PARTITION BY RANGE ("+t.key+")",
		"ALTER TABLE "+t.name+" DROP CONSTRAINT "+t.constraint(),
		"ALTER TABLE "+t.name+" OWNER TO "+owner,
	)
	if err != nil {
		return err
	}
	if err := run(ctx, tx, append(grants, build...)...); err != nil {
		return err
	}
	err = run(ctx, tx,
		"ALTER TABLE "+t.name+" ATTACH PARTITION "+old+" FOR VALUES FROM (MINVALUE) TO ("+t.bound(month)+")",
		"ALTER TABLE "+old+" DROP CONSTRAINT "+t.constraint(),
	)
	if err != nil {
		return err
	}
	return attach(ctx, tx, t, fallback, "DEFAULT")
}

const (
	// likeTable copies everything but indexes.
	likeTable = "INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS"

	// indexesSQL returns the indexes of a table: the name, the definition, that of its constraint or "", and whether it has the key.
	indexesSQL = `SELECT c.relname, pg_get_indexdef(i.indexrelid), COALESCE(pg_get_constraintdef(k.oid), ''),
	CASE WHEN EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		AND a.attname = CASE t.relname WHEN 'attempts' THEN 'delivery_id' ELSE 'id' END) THEN 'true' ELSE '' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
	LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
WHERE i.indrelid = CAST($1 AS regclass) ORDER BY c.relname`

	// grantsSQL returns the statements that grant the rights on a table again. The owner has them anyway.
	grantsSQL = `SELECT format('GRANT %s ON %s TO %s', a.privilege_type, c.relname,
	CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE c.oid = CAST($1 AS regclass) AND a.grantee <> c.relowner`
)
