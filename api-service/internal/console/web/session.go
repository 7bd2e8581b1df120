package web

import "redrive/pkg/webhook"

// Session is the session of a request. The zero value means that the request has none.
type Session struct {
	webhook.ConsoleSession
	// Organization is the customer's. It is zero for the operator.
	Organization webhook.Organization
}

// Known reports whether the request has a session.
func (s Session) Known() bool { return s.ID != "" }

// Operator reports whether the session is the operator's, who sees every organization.
func (s Session) Operator() bool { return s.Scope == webhook.ScopePlatform }

// identity returns the identity under which the API serves the session's requests in an organization.
func (s Session) identity(o webhook.Organization) webhook.Identity {
	key := webhook.APIKey{ID: s.Actor(), OrganizationID: o.ID, Scope: webhook.ScopeRead}
	switch {
	case !s.Operator():
		key.Scope = s.Scope
	case s.writesIn(o.ID):
		key.Scope, key.KeyPrefix = webhook.ScopeReadWrite, operatorPrefix
	}
	return webhook.Identity{Key: key, Organization: o}
}

// writesIn reports whether the session may change something of the organization.
func (s Session) writesIn(organizationID string) bool {
	if s.Operator() {
		return s.ActsFor == organizationID || s.ActsFor == everyOrganization
	}
	return s.OrganizationID == organizationID && s.Scope == webhook.ScopeReadWrite
}

const (
	// everyOrganization is in ActsFor of the session of an open console. It is no organization's ID.
	everyOrganization = "*"
	// operatorPrefix begins like the raw platform keys. It makes the API log each change of the operator, as it does for a platform key.
	operatorPrefix = "rpk_"
)

// OpenSession returns the session of every request of an open console.
func OpenSession() Session {
	return Session{ConsoleSession: webhook.ConsoleSession{
		ID: string(webhook.KindConsoleSession) + "_open", Scope: webhook.ScopePlatform, ActsFor: everyOrganization,
	}}
}

// operatorIdentity is the identity for the API's routes that are about all organizations.
func (s Session) operatorIdentity() webhook.Identity {
	return webhook.Identity{Key: webhook.APIKey{ID: s.Actor(), Scope: webhook.ScopePlatform, KeyPrefix: operatorPrefix}}
}
