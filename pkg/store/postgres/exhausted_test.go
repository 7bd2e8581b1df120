package postgres_test

import (
	"testing"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

func TestExhaustedTenThousandDeliveries(t *testing.T) {
	t.Parallel()
	storetest.TestExhausted(t, storetest.Migrated(t, storetest.OpenPostgres(t, testservers.Postgres(t))), 10_000)
}
