"""OpenAI's Responses API: conversations as items, answered as chats are."""
