#!/bin/sh
# Asks Azure for lists, page by page, and does nothing with them: azure-lists.sh LIST...
set -eu
token=$(curl -sf "$AZURE_AUTHORITY_HOST/$AZURE_TENANT_ID/oauth2/v2.0/token" \
  -d grant_type=client_credentials -d "client_id=$AZURE_CLIENT_ID" --data-urlencode "client_secret=$AZURE_CLIENT_SECRET" \
  --data-urlencode "scope=$CLOUDER_AZURE_ENDPOINT/.default" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
for list; do
  page="$CLOUDER_AZURE_ENDPOINT/subscriptions/$AZURE_SUBSCRIPTION_ID/providers/$list"
  while [ -n "$page" ]; do
    page=$(curl -sf -H "Authorization: Bearer $token" "$page" | sed -n 's/.*"nextLink":"\([^"]*\)".*/\1/p')
  done
done
