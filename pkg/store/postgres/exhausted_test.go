package postgres_test

import (
	"testing"

	"redrive/pkg/store/storetest"
)

func TestExhaustedTenThousandDeliveries(t *testing.T) {
	t.Parallel()
	storetest.TestExhausted(t, storetest.NewPostgres(t), 10_000)
}
