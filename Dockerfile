# One image for gateway, worker and every other command; the command says which.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/topup \
    && /opt/topup/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/topup/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin topup \
    && install -d -o topup -g topup -m 0700 /data
COPY --from=build /opt/topup /opt/topup
ENV PATH=/opt/topup/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOPUP_HOST=0.0.0.0 \
    TOPUP_PORT=8000 \
    TOPUP_DATA_DIR=/data
USER topup
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["topup"]
CMD ["serve"]
