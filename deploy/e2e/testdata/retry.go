// Command retry is the API reference's own snippet in Go, below this line as it is there.
package main

import (
	"fmt"
	"io"
	"net/http"
)

func main() {
	url := "https://redrive.example.com/v1/execution-webhooks/deliveries/dlv_01M7WV53ZTT50ZVB4VGFWDTC7B/retry"
	req, _ := http.NewRequest("POST", url, nil)
	req.Header.Add("Authorization", "Bearer YOUR_API_KEY")

	res, _ := http.DefaultClient.Do(req)
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)

	fmt.Println(string(body))
}
