package resource

import "time"

// APIKey is an API key without its secret part.
type APIKey struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Scope       string    `json:"scope"`
	KeyPrefix   string    `json:"keyPrefix"`
	CreatedBy   string    `json:"createdBy"`
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	RevokedAt   time.Time `json:"revokedAt"`
	LastUsedAt  time.Time `json:"lastUsedAt"`
}

// State is the name of the state to show.
func (k APIKey) State() string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && !time.Now().Before(k.ExpiresAt):
		return "expired"
	}
	return "valid"
}

// NewAPIKey is an API key with the raw key, which is shown once.
type NewAPIKey struct {
	APIKey
	Key string `json:"key"`
}

// Organization is an organization as the operator sees it.
type Organization struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	DeletedAt time.Time `json:"deletedAt"`
}

// Found is a resource that an ID names.
type Found struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	OrganizationID string `json:"organizationId"`
}
