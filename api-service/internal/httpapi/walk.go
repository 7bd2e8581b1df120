package httpapi

import (
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// walkView is a page of a list without offsets.
type walkView struct {
	Items      listItems `json:"items"`
	HasMore    bool      `json:"hasMore"`
	Limit      int       `json:"limit"`
	NextCursor string    `json:"nextCursor,omitempty"`
}

// okWalk answers like okPage for a list without offsets.
func okWalk[T, V any](c echo.Context, list webhook.List[T], page webhook.Page, view func(T) (V, error)) error {
	return stream(c, walkOf(c, list, page), viewed(list.Items, view), turns{})
}

// walkOf returns the frame of a list without offsets.
func walkOf[T any](c echo.Context, list webhook.List[T], page webhook.Page) any {
	return walkView{HasMore: list.HasMore, Limit: page.Limit, NextCursor: nextCursor(c, list)}
}
