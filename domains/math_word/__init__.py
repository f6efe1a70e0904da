"""Word problems of competition and school mathematics: MATH-500, AIME and GSM8K."""
