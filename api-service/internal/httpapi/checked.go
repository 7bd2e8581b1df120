package httpapi

import "github.com/labstack/echo/v4"

// checked wraps the route's handler in the checks that precede it. The contract defines their order. The gate has checked the caller (401,
// 429, 403), and Echo the route and the method (404, 405). Then follow the size and the type of the body (413, 415), the organization that a
// platform key acts for (400, 404), the idempotency key and the query (400). The handler checks the resource and its state.
func (r route) checked(memory budget, calls keyedCalls) echo.HandlerFunc {
	if r.access == public {
		return r.handler
	}
	return func(c echo.Context) error {
		if r.bodyLimit > 0 {
			if c.Request().ContentLength > r.bodyLimit {
				return tooLargeFor(r.bodyLimit) // without reading any of it
			}
			release, err := memory.reserveBody(c, r.bodyLimit)
			if err != nil {
				return err
			}
			defer release()
			body, err := readBody(c, r.bodyLimit)
			if err != nil {
				return err
			}
			c.Set(bodyInContext, body)
		}
		if err := checkActing(c); err != nil {
			return err
		}
		return calls.once(c, r, func() error { return r.handle(c) })
	}
}

// handle checks the query and calls the handler.
func (r route) handle(c echo.Context) error {
	query, err := parseQuery(c.Request().URL.RawQuery, r.query)
	if err != nil {
		return err
	}
	c.Set(queryInContext, query)
	return r.handler(c)
}
