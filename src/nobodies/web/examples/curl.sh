set -e
# A new face, 512 pixels wide.
curl -fsS "http://127.0.0.1:8000/face.jpeg?size=512" -o new.jpg
# The face of a text: the same for ever.
curl -fsS "http://127.0.0.1:8000/face.webp?u=alice@example.org&size=128" -o alice.webp
# Three faces with transparent corners in one archive.
curl -fsS "http://127.0.0.1:8000/api/v1/batch" \
  -H "Content-Type: application/json" \
  -d '{"seeds": ["1", "2", "3"], "format": "png", "size": 256, "shape": "circle"}' -o faces.zip
# The faces in a picture of yours.
curl -fsS "http://127.0.0.1:8000/api/v1/detect" -H "Content-Type: image/jpeg" --data-binary @new.jpg
