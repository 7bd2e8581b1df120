package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
)

func TestDamaged(t *testing.T) {
	storetest.RunDamaged(t, func(t *testing.T) (*store.Store, storetest.Execute) {
		url := storetest.MigratedPostgres(t)
		opened := storetest.OpenPostgres(t, url)
		beside := connect(t, url)
		return opened, func(statement string) {
			_, err := beside.Exec(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	})
}
