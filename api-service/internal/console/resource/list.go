package resource

// List is a page of a list.
type List[T any] struct {
	Items      []T    `json:"items"`
	HasMore    bool   `json:"hasMore"`
	NextCursor string `json:"nextCursor"`
}
