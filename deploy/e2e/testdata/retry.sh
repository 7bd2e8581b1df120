curl -X POST 'https://redrive.example.com/v1/execution-webhooks/deliveries/dlv_01M7WV53ZTT50ZVB4VGFWDTC7B/retry' \
  -H 'Authorization: Bearer YOUR_API_KEY'
