package httpapi

import "github.com/labstack/echo/v4"

// checked wraps the route's handler in the checks that precede it. The order is the contract's: the gate has made those of the caller
// (401, 429, 403) and Echo those of route and method (404, 405); then follow size and type of the body (413, 415) and what else is
// wrong with the request (400), and the handler makes those of the resource and its state.
func (r route) checked() echo.HandlerFunc {
	if r.access == public {
		return r.handler
	}
	return func(c echo.Context) error {
		if r.bodyLimit > 0 {
			body, err := readBody(c, r.bodyLimit)
			if err != nil {
				return err
			}
			c.Set(bodyInContext, body)
		}
		query, err := parseQuery(c.Request().URL.RawQuery, r.query)
		if err != nil {
			return err
		}
		c.Set(queryInContext, query)
		return r.handler(c)
	}
}
