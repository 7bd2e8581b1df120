package webhook

// EndpointFilter selects endpoints of an organization. Other fields than OrganizationID are optional.
type EndpointFilter struct {
	OrganizationID string
	Status         EndpointStatus
	// Failing selects endpoints that have failed since their last success.
	Failing bool
	// Prefix begins the name or the host of the URL. Upper and lower case are the same.
	Prefix string
}

// maxSearch is the length of the longest host name.
const maxSearch = 253

// CheckSearch returns an error unless the text can be searched for.
func CheckSearch(field, text string) error {
	var c check
	c.required(field, text, maxSearch)
	return c.err()
}
