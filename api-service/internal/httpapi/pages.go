package httpapi

import (
	"context"
	"iter"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// pageView is a list as it is answered. The items are a placeholder.
type pageView struct {
	Items   listItems `json:"items"`
	HasMore bool      `json:"hasMore"`
	Limit   int       `json:"limit"`
	Offset  int       `json:"offset"`
	// NextCursor continues the list. It is absent on the last page.
	NextCursor string `json:"nextCursor,omitempty"`
}

func frameOf[T any](c echo.Context, list webhook.List[T], page webhook.Page) any {
	return pageView{HasMore: list.HasMore, Limit: page.Limit, Offset: page.Offset, NextCursor: nextCursor(c, list)}
}

// okPage answers with a page whose items are small and in memory.
func okPage[T, V any](c echo.Context, list webhook.List[T], page webhook.Page, view func(T) (V, error)) error {
	return stream(c, frameOf(c, list, page), viewed(list.Items, view), turns{})
}

// okBatches answers with a page whose items are read while they are written. It holds one batch of them in memory, and no connection of
// the database while a client reads slowly. The memory of the largest batch is reserved before the answer begins, and until it ends.
func okBatches[T, V any](
	c echo.Context, memory budget, list webhook.List[webhook.Sized], page webhook.Page,
	read func(ctx context.Context, organizationID string, ids []string) ([]T, error), view func(T) (V, error),
) error {
	return okBatchesIn(c, memory, frameOf(c, list, page), list, read, view)
}

// okBatchesIn is okBatches with the frame of the list.
func okBatchesIn[T, V any](
	c echo.Context, memory budget, frame any, list webhook.List[webhook.Sized],
	read func(ctx context.Context, organizationID string, ids []string) ([]T, error), view func(T) (V, error),
) error {
	batches := split(list.Items)
	cost := costOf(batches)
	release, err := memory.reserve(c, cost)
	if err != nil {
		return err
	}
	defer release()
	working := memory.turnsFor(cost)
	return stream(c, frame, func(yield func(V, error) bool) {
		for _, batch := range batches {
			var items []T
			err := working.do(untimed(c), func() (err error) {
				allow(c, 1) // the time that the client took to read what came before does not count
				items, err = read(c.Request().Context(), caller(c).OrganizationID, batch.ids)
				return err
			})
			if err != nil {
				var none V
				yield(none, err)
				return
			}
			for v, err := range viewed(items, view) {
				if !yield(v, err) {
					return
				}
			}
		}
	}, working)
}

func viewed[T, V any](items []T, view func(T) (V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		for i := range items {
			v, err := view(items[i])
			items[i] = *new(T) // its memory is free while the view is encoded
			if !yield(v, err) {
				return
			}
		}
	}
}

// batchBytes is about how much of a page is read at once. A page of small items is one batch. Half a mebibyte costs a statement where
// reading and writing takes several times as long, and a slow reader holds no more than that or one item.
const batchBytes = 512 << 10

// batch is a part of a page.
type batch struct {
	ids            []string
	bytes, largest int64
}

// split divides a page into batches of up to batchBytes, or of one item that is larger.
func split(items []webhook.Sized) []batch {
	var batches []batch
	for _, item := range items {
		last := len(batches) - 1
		if last < 0 || batches[last].bytes+item.Bytes > batchBytes {
			batches, last = append(batches, batch{}), last+1
		}
		b := &batches[last]
		b.ids, b.bytes, b.largest = append(b.ids, item.ID), b.bytes+item.Bytes, max(b.largest, item.Bytes)
	}
	return batches
}

// encodings is how many copies of one item exist while it is written, beside those that its batch counts: the body that is shown, its
// JSON, and the growth of the buffers.
const encodings = 3

// costOf is the memory of the batch that takes most, in bytes.
func costOf(batches []batch) int64 {
	var cost int64
	for _, b := range batches {
		cost = max(cost, b.bytes+encodings*b.largest)
	}
	return cost
}
