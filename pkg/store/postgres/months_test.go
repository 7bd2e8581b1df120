package postgres_test

import (
	"testing"

	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
)

func TestConformanceByMonth(t *testing.T) {
	storetest.RunDivided(t, func(t *testing.T) *store.Store { return storetest.NewPostgresByMonth(t) })
}
