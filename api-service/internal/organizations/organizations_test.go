package organizations_test

import (
	"context"
	"errors"
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
	put        []string
	eraseAfter time.Time
	err        error
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
		assert.Equal(t, 500*time.Millisecond, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = r.Delete(ctx, "acme")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.err = errors.New("away")
		began = webhook.Now()
		_, err = r.Delete(t.Context(), "acme")
		require.ErrorIs(t, err, s.err)
		assert.Zero(t, time.Since(began))
	})
}
