package organizations_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/organizations"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store records its arguments.
type store struct {
	current    webhook.Organization
	put        []string
	eraseAfter time.Time
	lanes      []webhook.Lane // of the organization acme, in order
	listed     int
	err        error
}

func (s *store) FindOrganization(context.Context, string) (webhook.Organization, error) {
	if s.current.ID == "" {
		return webhook.Organization{}, webhook.OrganizationNotFound("id")
	}
	return s.current, nil
}

func (s *store) ListLanesOf(_ context.Context, organizationID string, after webhook.Lane, limit int) ([]webhook.Lane, error) {
	s.listed++
	if organizationID != "acme" {
		return nil, errors.New("another organization")
	}
	next := slices.Index(s.lanes, after) + 1
	return s.lanes[next:min(next+limit, len(s.lanes))], nil
}

// opened records the lanes that were opened.
type opened struct {
	lanes []webhook.Lane
	err   error
}

func (o *opened) Open(_ context.Context, lanes []webhook.Lane) error {
	o.lanes = append(o.lanes, lanes...)
	return o.err
}

func (s *store) PutOrganization(_ context.Context, id string, change webhook.OrganizationChange, _ time.Time) (webhook.Organization, error) {
	s.put = append(s.put, id)
	return change.Apply(webhook.DefaultOrganization(id)), s.err
}

func (s *store) DeleteOrganization(_ context.Context, id string, now, eraseAfter time.Time) (webhook.Organization, error) {
	s.eraseAfter = eraseAfter
	return webhook.Organization{ID: id, DeletedAt: now}, s.err
}

func TestPutInvalidNotStored(t *testing.T) {
	s := &store{}
	r := organizations.New(s, organizations.Options{})
	blank := ""
	_, err := r.Put(t.Context(), "no id", webhook.OrganizationChange{})
	assert.ErrorContains(t, err, "invalid_organization")
	_, err = r.Put(t.Context(), "acme", webhook.OrganizationChange{Name: &blank})
	assert.ErrorContains(t, err, "required")
	assert.Empty(t, s.put)

	o, err := r.Put(t.Context(), "acme", webhook.OrganizationChange{})
	require.NoError(t, err)
	assert.Equal(t, "acme", o.Name)
	assert.Equal(t, []string{"acme"}, s.put)
}

func TestDeleteReturnsWhenNoAttemptCanStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := organizations.New(s, organizations.Options{ErasureDelay: time.Hour})
		began := webhook.Now()
		deleted, err := r.Delete(t.Context(), "acme")
		require.NoError(t, err)
		assert.Equal(t, began, deleted.DeletedAt)
		assert.Equal(t, began.Add(time.Hour), s.eraseAfter)
		assert.Greater(t, time.Since(began), webhook.EndpointFresh)
		assert.Less(t, time.Since(began), time.Second, "its keys are refused within a second, too")

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = r.Delete(ctx, "acme")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.err = errors.New("unavailable")
		began = webhook.Now()
		_, err = r.Delete(t.Context(), "acme")
		require.ErrorIs(t, err, s.err)
		assert.Zero(t, time.Since(began))
	})
}

func TestPutRestoredOpensLanes(t *testing.T) {
	s := &store{lanes: make([]webhook.Lane, 1200)}
	for i := range s.lanes {
		s.lanes[i] = webhook.Lane{OrganizationID: "acme", EndpointID: fmt.Sprintf("ep_%04d", i)}
	}
	o := &opened{}
	r := organizations.New(s, organizations.Options{Lanes: o, Log: slog.New(slog.DiscardHandler)})
	put := func() {
		t.Helper()
		_, err := r.Put(t.Context(), "acme", webhook.OrganizationChange{})
		require.NoError(t, err, "the reconciler does what Redis did not")
	}
	put()
	s.current = webhook.DefaultOrganization("acme")
	put()
	assert.Zero(t, s.listed, "neither a new organization nor a change opens lanes")

	s.current.DeletedAt = webhook.Now()
	put()
	assert.Equal(t, s.lanes, o.lanes)

	o.err, s.listed = errors.New("unavailable"), 0
	put()
	assert.Equal(t, 1, s.listed, "no second try")

	s.err, o.lanes = webhook.ErrOrganizationErasing, nil
	_, err := r.Put(t.Context(), "acme", webhook.OrganizationChange{})
	require.ErrorIs(t, err, webhook.ErrOrganizationErasing)
	assert.Empty(t, o.lanes)
}
